import { type Fault, LIMIT_MS, RECOVERY_SECONDS, type Readers } from './fault.ts';
import { type Probe, READING_KINDS } from './load.ts';
import type { Measured, Pace } from './measure.ts';

/** A row of the table, and the promises that were broken. */
export interface Verdict {
  readonly cells: readonly string[];
  readonly broken: readonly string[];
}

export const HEADINGS = [
  'fault',
  'what a reader may notice',
  'cached page',
  'other requests',
  'writes',
  'mails',
  'well again after',
] as const;

const NOTICED: Record<Readers, string> = {
  nothing: 'nothing',
  'stale or 503': 'a stale page, or else a 503',
  'a broken connection': 'a broken connection',
  'a broken connection or a 503': 'a broken connection, or a 503',
};

/** How much longer things may take on a busy machine. */
const PATIENCE = 10;

/** Compares what happened with what is promised. */
export function judge(fault: Fault, measured: Measured, { isPatient }: Pace): Verdict {
  const { probes, acknowledged, lost, doubled, mails, mailsLost, mailsTwice, jobsLost, recoveredMs } =
    measured;
  const { recovers = RECOVERY_SECONDS, twice = 0 } = fault;
  const slack = isPatient ? PATIENCE : 1;
  const [pages, others] = [probes.filter(isPage), probes.filter((probe) => !isPage(probe))];
  const seconds = recoveredMs === undefined ? Number.POSITIVE_INFINITY : recoveredMs / 1000;
  const broken = [
    ...new Set(probes.flatMap((probe) => faultsOf(probe, fault.readers, slack))),
    ...(lost > 0 ? [`${lost} acknowledged writes were lost`] : []),
    ...(doubled > 0 ? [`${doubled} writes were done twice`] : []),
    ...(mailsLost > 0 ? [`${mailsLost} mails did not arrive`] : []),
    ...(mailsTwice > twice ? [`${mailsTwice} mails arrived twice, ${twice} may`] : []),
    ...(jobsLost > 0 ? [`${jobsLost} jobs were not done`] : []),
    ...(seconds > recovers
      ? [`it was well again after ${seconds.toFixed(1)} s instead of ${recovers} s`]
      : []),
    ...measured.broken,
  ];
  const cells = [
    fault.name,
    NOTICED[fault.readers],
    describe(pages),
    describe(others),
    `${acknowledged} acknowledged, ${lost} lost`,
    `${mails} arrived, ${mailsLost} lost, ${mailsTwice} twice; ${jobsLost} jobs lost`,
    `${seconds.toFixed(1)} s`,
  ];
  return { cells, broken };
}

function isPage({ kind }: Probe): boolean {
  return kind === 'page';
}

/** The promises that a response breaks. */
function faultsOf(probe: Probe, readers: Readers, slack: number): string[] {
  const { kind, status, isHanging, hasRetryAfter, revealsInternals, startedAt, endedAt } = probe;
  const ms = endedAt - startedAt;
  const limitMs = READING_KINDS.has(kind) ? LIMIT_MS.reading : LIMIT_MS.changing;
  const isRefusal = status === 503 && hasRetryAfter;
  const isAllowed =
    (status >= 200 && status < 400) ||
    (isRefusal && (slack > 1 || (readers.includes('503') && kind !== 'page' && kind !== 'live'))) ||
    (readers.includes('broken connection') && status === 0 && !isHanging);
  return [
    ...(isAllowed
      ? []
      : [
          `${kind}: ${isHanging ? 'no answer' : `${status}${status === 503 && !hasRetryAfter ? ' without Retry-After' : ''}`}`,
        ]),
    ...(ms > limitMs * slack ? [`${kind}: took longer than ${limitMs} ms`] : []),
    ...(revealsInternals ? [`${kind}: revealed internals`] : []),
  ];
}

/** The responses, most frequent first, and the longest response time. */
function describe(probes: readonly Probe[]): string {
  const counts = [...Map.groupBy(probes, nameOf)].map(([name, list]) => [name, list.length] as const);
  const names = counts.toSorted(([, a], [, b]) => b - a).map(([name, count]) => `${count} × ${name}`);
  const slowest = Math.max(0, ...probes.map(({ startedAt, endedAt }) => endedAt - startedAt));
  return `${names.join(', ')}; ≤ ${(slowest / 1000).toFixed(1)} s`;
}

function nameOf({ status, isStale, isHanging }: Probe): string {
  if (isHanging) return 'no answer';
  if (status === 0) return 'cut off';
  if (isStale) return 'stale';
  return status < 400 ? 'fine' : String(status);
}
