import { queueContracts } from '../../src/all-queues.ts';
import { StartupError } from '../../src/errors.ts';
import { type QueueContract, ruleOf, type Schedule } from '../../src/queue/index.ts';
import { docCommentsByName } from './doc-comments.ts';
import { code, page, table } from './markdown.ts';

const INTRODUCTION = `From the contracts in [src/queues.ts](../../src/queues.ts).
[ARCHITECTURE.md](../../ARCHITECTURE.md#what-delivery-promises) says what they promise together.

- **Retries**: how often a job that has failed runs again before it becomes a dead letter, in the queue \`NAME.dead\`. The
  delay doubles from the first to the last, with a jitter of up to half.
- **Timeout**: how long an attempt may take. Then its signal is aborted and it has failed.
- **Concurrency**: jobs of the queue that one worker runs at a time; without a number, as many as it has slots.
- **Limited by**: what an Administrator can limit its jobs by at \`/admin/jobs/limits\`, besides the whole queue. A rate that
  the contract itself sets comes first.
- **Schedules**: when a job is enqueued automatically, by name: in cron's format or iCalendar's, and in \`SITE_TIME_ZONE\` if
  no other time zone is named.
- **Same key**: what happens to jobs with the same key. \`unique-while-waiting\`: while one waits, another is not enqueued;
  \`unique-until-done\`: nor while one runs. \`replace\`: the one that waits takes the newest payload. \`debounce\`: it also waits
  again. \`in-order\`: one starts when those before it have ended.
- **Thread**: its jobs compute in a thread, and start only when one is free.`;

/**
 * The page about queues.
 *
 * @throws StartupError if a contract has no doc comment
 */
export async function describeQueues(read: (file: string) => Promise<string>): Promise<string> {
  const source = await read('src/queues.ts');
  const purposes = docCommentsByName(source, /export const \w+ = defineQueue\(\{\s+name: '(?<name>[\w-]+)'/);
  const rows = queueContracts.map((contract) => {
    const purpose = purposes.get(contract.name);
    if (purpose === undefined) throw new StartupError(1, `The queue ${contract.name} has no doc comment`);
    return [code(contract.name), purpose, ...settingsOf(contract)];
  });
  return page('Queues', INTRODUCTION, table(HEADINGS, rows));
}

const HEADINGS = [
  ...['queue', 'what its jobs do', 'retries', 'timeout', 'concurrency', 'priority', 'limited by'],
  ...['schedules', 'same key', 'thread'],
];

function settingsOf(contract: QueueContract): string[] {
  const { retry, timeoutSeconds, concurrency, priority, rate, limitedBy, key, runs } = contract;
  return [
    `${retry.limit}, after ${duration(retry.delaySeconds)} to ${duration(retry.maxDelaySeconds)}`,
    duration(timeoutSeconds),
    String(concurrency ?? ''),
    String(priority ?? ''),
    [rate, limitedBy].filter((limit) => limit !== undefined).join(', '),
    (contract.schedules ?? []).map(scheduleOf).join('<br>'),
    key === undefined ? '' : key.rule,
    runs === undefined ? '' : 'yes',
  ];
}

function scheduleOf({ name, timeZone, ...recurrence }: Schedule): string {
  return [`${name}:`, code(ruleOf(recurrence)), timeZone].filter((part) => part !== undefined).join(' ');
}

function duration(seconds: number): string {
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
