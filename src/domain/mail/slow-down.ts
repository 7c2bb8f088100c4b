import { SlowDown } from '../../queue/index.ts';

/** Replies to a site that sends too much. */
const TOO_MUCH = /\bquota\b|\brate\b|\bratelimit|\bthrottl|\btoo (?:many|much)\b|\blimit exceeded\b/i;

/** Replies about a recipient who gets too much mail or has no space. */
const ABOUT_RECIPIENT = /\b(?:mailbox|inbox|recipient|user)\b/i;

/** `Try again in 5 minutes`, `Retry-After: 300`. */
const WAIT = /\b(?:in|after):?\s+(\d{1,6})\s*(s|m|h)?/i;
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 60 * 60 };

/**
 * The error that makes the whole queue wait, if a mail server refuses because this site sends too much. Undefined if the
 * refusal is permanent or only about one mail or recipient, such as greylisting or a full mailbox.
 *
 * A 421 closes the connection, whatever the recipient (RFC 5321, 4.2.2). A 450, 451 or 452 can mean either, so its text
 * decides; a status of 4.2.x is about the recipient's mailbox (RFC 3463, 3.3).
 */
export function slowDownOf(error: unknown): SlowDown | undefined {
  if (!(error instanceof Error)) return undefined;
  const { responseCode = 0, response = '' } = error as Error & { responseCode?: number; response?: string };
  if (responseCode >= 500) return undefined;
  if (responseCode !== 421 && !isAboutUs(response)) return undefined;
  return new SlowDown(response, { seconds: secondsAsked(response), cause: error });
}

function isAboutUs(response: string): boolean {
  if (/^4\d\d[ -]4\.2\.\d/.test(response)) return false;
  return TOO_MUCH.test(response) && (!ABOUT_RECIPIENT.test(response) || /\bsend/i.test(response));
}

function secondsAsked(response: string): number | undefined {
  const [, count, unit = 's'] = WAIT.exec(response) ?? [];
  const seconds = Number(count) * (UNIT_SECONDS[unit.toLowerCase()] ?? 1);
  return seconds > 0 ? seconds : undefined; // Number(undefined) is not.
}
