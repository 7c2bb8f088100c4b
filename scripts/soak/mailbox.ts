/** How long a mail may take, including a few retries. */
const PATIENCE_MS = 60_000;

/** Finds the links in mails that have arrived. */
export class Mailbox {
  readonly #waiting = new Map<string, (path: string) => void>();

  /** Waits for a confirmation mail. Returns the path of its link. */
  linkTo(email: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(() => {
      this.#waiting.delete(email);
      reject(new Error('a confirmation mail did not arrive within a minute'));
    }, PATIENCE_MS);
    this.#waiting.set(email, (path) => {
      clearTimeout(timer);
      resolve(path);
    });
    promise.catch(() => {}); // Its reader may still be registering.
    return promise;
  }

  /** Takes a mail in its transfer encoding, quoted-printable. */
  receive(mail: string): void {
    const email = /^To: <?([^\s<>]+@[^\s<>]+)>?/m.exec(mail)?.[1] ?? '';
    const [path] = /\/auth\/confirm\/[\w-]{43}/.exec(mail.replaceAll('=\r\n', '')) ?? [];
    if (path === undefined) return;
    this.#waiting.get(email)?.(path);
    this.#waiting.delete(email);
  }
}
