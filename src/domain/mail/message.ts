/** A mail as it is handed to the mail server. */
export interface Message {
  /** Kept over all attempts at the same mail, so that a receiver can drop a second copy. */
  readonly messageId: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** Where one POST ends mails of this kind. Mail programs offer it as a button: RFC 8058. */
  readonly unsubscribeUrl?: string;
}

export interface Mailer {
  /**
   * Hands a message to the mail server.
   *
   * @param options.signal ends the wait; what has reached the server by then may still be delivered
   * @returns the server's own words of acceptance
   * @throws Error, nodemailer's, with `responseCode` where the server refused
   */
  send(message: Message, options?: { signal?: AbortSignal }): Promise<string>;
}

/** Renders both bodies of a mail, from `views/mail/NAME.txt.eta` and `views/mail/NAME.html.eta`. */
export type RenderMail = (name: string, data: object) => { text: string; html: string };

/** The Message-ID of the mail of a job, on whatever attempt. */
export function messageIdOf(jobId: string, baseUrl: string): string {
  return `<${jobId}@${new URL(baseUrl).hostname}>`;
}
