import type { MailFailures } from '../../../domain/mail/outage.ts';
import type { HistoryPoint, QueueCounts, Worker } from '../../../queue/index.ts';

/** A queue's counts, and whether it is paused. */
export interface QueueStatus extends QueueCounts {
  readonly isPaused: boolean;
}

/** A queue whose jobs have been waiting too long. */
interface LateQueue {
  readonly queue: string;
  readonly ready: number;
  readonly oldestReadySeconds: number;
  /** How long the ready jobs will take at the recent pace; undefined if none was completed. */
  readonly secondsLeft: number | undefined;
}

/** Problems that need an operator, worst first. */
export interface Trouble {
  /** Whether jobs are waiting and no worker is running. */
  readonly isAbandoned: boolean;
  readonly waiting: number;
  readonly mail: (Omit<MailFailures, 'mails'> & { readonly waiting: number }) | undefined;
  /** Queues with ready jobs that no worker works. */
  readonly unworked: readonly QueueStatus[];
  /** Workers that died. */
  readonly lost: readonly Worker[];
  readonly behind: readonly LateQueue[];
}

/** How long a job may be ready before its queue is behind. */
const PATIENCE_SECONDS = 60;

/** Minutes of history from which a queue's pace is computed. */
export const PACE_MINUTES = 10;

/** The beginning of a mail server's response. Without a response, the server is unreachable. */
const RESPONSE = /\b[45]\d\d[ -]/;

interface Situation {
  readonly queues: readonly QueueStatus[];
  readonly workers: readonly Worker[];
  readonly lost: readonly Worker[];
  readonly mailQueue: string;
  readonly failures: MailFailures | undefined;
  readonly isMailOut: boolean;
  /** Queues that wait because a service has asked them to slow down. */
  readonly broken: readonly string[];
  /** The last `PACE_MINUTES`. */
  readonly history: readonly HistoryPoint[];
}

/** Finds problems. Leaves out those that only follow from another. */
export function findTrouble({
  queues,
  workers,
  lost,
  mailQueue,
  failures,
  isMailOut,
  broken,
  history,
}: Situation): Trouble {
  const running = queues.filter(({ isPaused, ready }) => !isPaused && ready > 0);
  const waiting = queues.reduce((sum, { ready, retrying }) => sum + ready + retrying, 0);
  const isWorked = ({ queue }: QueueStatus) => workers.some((worker) => worker.queues.includes(queue));
  const mails = queues.find(({ queue }) => queue === mailQueue);
  const waitingMails = mails === undefined ? 0 : mails.ready + mails.retrying + mails.active;
  const isUnreachable =
    failures !== undefined && (isMailOut || failures.mails > 1 || !RESPONSE.test(failures.words));
  const mail =
    isUnreachable && waitingMails > 0
      ? { since: failures.since, words: failures.words, waiting: waitingMails }
      : undefined;
  return {
    isAbandoned: waiting > 0 && workers.length === 0,
    waiting,
    mail,
    unworked: workers.length === 0 ? [] : running.filter((queue) => !isWorked(queue)),
    lost,
    behind: running
      .filter((queue) => queue.oldestReadySeconds > PATIENCE_SECONDS && isWorked(queue))
      .filter(({ queue }) => (mail === undefined || queue !== mailQueue) && !broken.includes(queue))
      .map(({ queue, ready, oldestReadySeconds }) => ({
        queue,
        ready,
        oldestReadySeconds,
        secondsLeft: timeFor(ready, completedOf(queue, history)),
      })),
  };
}

function completedOf(queue: string, history: readonly HistoryPoint[]): number {
  return history.filter((point) => point.queue === queue).reduce((sum, { completed }) => sum + completed, 0);
}

function timeFor(ready: number, completed: number): number | undefined {
  return completed === 0 ? undefined : (ready / completed) * PACE_MINUTES * 60;
}
