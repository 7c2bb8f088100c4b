/** A mail as it is handed to the mail server. */
export interface Message {
  /** The same on every attempt, to let receivers drop duplicates. */
  readonly messageId: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** A POST to this URL unsubscribes, which mail programs offer as a button (RFC 8058). */
  readonly unsubscribeUrl?: string;
  /** Part of the address for bounces, to identify this mail. */
  readonly returnKey?: string | undefined;
}

export interface SendOptions {
  /** Aborts sending. The server may still deliver a message that it has received completely. */
  readonly signal?: AbortSignal | undefined;
  /** Called when the message is about to be transferred. Before that, the server cannot have accepted it. */
  readonly onTransfer?: (() => void) | undefined;
}

export interface Mailer {
  /**
   * Hands a message to the mail server.
   *
   * @returns the server's response
   * @throws nodemailer's error, with `responseCode` if the server refused; or the signal's reason
   */
  send(message: Message, options?: SendOptions): Promise<string>;
}

/** Renders both bodies of a mail, from `views/mail/NAME.txt.eta` and `views/mail/NAME.html.eta`. */
export type RenderMail = (name: string, data: object) => { text: string; html: string };

/** The Message-ID of a job's mail, the same on every attempt. */
export function messageIdOf(jobId: string, baseUrl: string): string {
  return `<${jobId}@${new URL(baseUrl).hostname}>`;
}

/** The domain of an address, with or without a name in front of it. */
export function domainOf(address: string): string {
  return /@([^@>]+)>?$/.exec(address)?.[1] ?? '';
}
