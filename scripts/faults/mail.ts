import type { SmtpFault, SmtpStage } from '../../test/support/mail-server.ts';
import type { Fault } from './fault.ts';
import { CONCURRENCY } from './site.ts';

/** Faults of the mail server, which no visitor notices. */
export const mailFaults: readonly Fault[] = [
  {
    name: 'smtp-down',
    readers: 'nothing',
    async cause({ mailNetwork }) {
      await mailNetwork.refuse();
      return () => mailNetwork.accept();
    },
  },
  {
    name: 'smtp-hangs-at-ehlo',
    readers: 'nothing',
    cause({ mailNetwork }) {
      mailNetwork.reset(); // New connections get the greeting and no more.
      mailNetwork.hold();
      return () => mailNetwork.heal();
    },
  },
  misbehaving('smtp-hangs-on-connecting', 'CONNECT', 'hang', { isNewConnection: true }),
  misbehaving('smtp-hangs-at-mail', 'MAIL', 'hang'),
  misbehaving('smtp-hangs-at-rcpt', 'RCPT', 'hang'),
  misbehaving('smtp-hangs-in-data', 'DATA', 'hang'),
  misbehaving('smtp-hangs-after-the-dot', 'DOT', 'hang'),
  // All mail waits, as long again as it has, until one is tried.
  { ...misbehaving('smtp-answers-421', 'CONNECT', { code: 421 }, { isNewConnection: true }), recovers: 20 },
  misbehaving('smtp-answers-451', 'RCPT', { code: 451 }),
  misbehaving('smtp-drops-in-data', 'DATA', 'drop'),
  // The server has the mail and could not say so. Nobody can know, and a second copy is better than none.
  { ...misbehaving('smtp-drops-after-the-dot', 'DOT', 'drop'), twice: Number.POSITIVE_INFINITY },
  {
    name: 'smtp-slow',
    readers: 'nothing',
    cause({ mail }) {
      mail.plan = () => ({ delayMs: 700 });
      return () => mail.behave();
    },
  },
  {
    // A refusal for good is a dead letter, which an operator can redrive.
    name: 'smtp-answers-550',
    readers: 'nothing',
    cause({ mail, app }) {
      mail.misbehave('RCPT', { code: 550 });
      return async () => {
        mail.behave();
        await app.queueAdmin.act(app.db, 'redrive', { queues: ['mail.dead'] });
      };
    },
  },
  {
    // A silent connection is given up after 30 seconds.
    name: 'smtp-connections-half-open',
    readers: 'nothing',
    seconds: 0,
    recovers: 35,
    twice: CONCURRENCY,
    cause: ({ mailNetwork }) => void mailNetwork.silence(),
  },
];

function misbehaving(name: string, at: SmtpStage, fault: SmtpFault, { isNewConnection = false } = {}): Fault {
  return {
    name,
    readers: 'nothing',
    cause({ mail, mailNetwork }) {
      mail.misbehave(at, fault);
      if (isNewConnection) mailNetwork.reset();
      return () => mail.behave();
    },
  };
}
