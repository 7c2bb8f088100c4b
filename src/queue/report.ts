import { sql } from 'kysely';
import type { Progress } from './contract.ts';
import type { Parts } from './options.ts';
import { redact, redactText } from './redact.ts';
import type { Db, JobLogLine } from './tables.ts';

/** The shortest time between two writes of a report. */
const WRITE_MS = 1_000;

/** The newest log lines to keep, the characters of a line, and those of a result as JSON. */
const MAX_LINES = 100;
const LINE_LENGTH = 500;
const RESULT_LENGTH = 4_000;

/** The characters of the progress's words. */
const WORDS_LENGTH = 200;

type Level = 'info' | 'warn' | 'error';

/** Logs with the job's id. The newest lines are stored, for the job's page. */
export type JobLog = Readonly<Record<Level, (fields: object, text: string) => void>>;

/** How a job reports on itself. */
export interface Reporting {
  /** Reports progress. Written at most once a second. */
  readonly progress: Progress;
  /**
   * Stores a small result with the job once it is completed.
   *
   * @throws TypeError if it takes more than 4,000 characters as JSON
   */
  readonly keep: (result: object) => void;
  readonly log: JobLog;
}

/** A job's stored progress and log. */
export interface JobReportRow {
  readonly done: number | null;
  readonly total: number | null;
  readonly words: string | null;
  readonly lines: readonly JobLogLine[];
}

type ReportParts = Pick<Parts, 'app' | 'db' | 'logFailure'>;

interface Subject {
  readonly queue: string;
  readonly jobId: string;
  readonly attempt: number;
}

/** Collects an attempt's progress, log and result, and writes them occasionally. Without any, it costs nothing. */
export class JobReport {
  /** The result to keep; null if there is none. */
  result: object | null = null;
  readonly #subject: Subject;
  #progress: { done: number; total: number; words: string | null } | undefined;
  /** Lines that are not written yet. */
  #lines: JobLogLine[] = [];
  #isDue = false;
  #hasEnded = false;
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #writtenAt = -Infinity;

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  /** The reporting functions of the job's context. */
  reporting(parts: ReportParts): Reporting {
    const log = (level: Level) => (fields: object, text: string) => {
      parts.app.log[level]({ ...this.#subject, ...fields }, text);
      this.#lines.push({ at: new Date().toISOString(), level, text: lineOf(fields, text) });
      this.#lines = this.#lines.slice(-MAX_LINES);
      this.#schedule(parts);
    };
    return {
      progress: (done, total, words = '') => {
        if (this.#hasEnded) return;
        this.#progress = { done, total, words: redactText(words).slice(0, WORDS_LENGTH) || null };
        this.#schedule(parts);
      },
      keep: (result) => {
        if (JSON.stringify(result).length > RESULT_LENGTH)
          throw new TypeError('result: is too long to be stored');
        this.result = result;
      },
      log: { info: log('info'), warn: log('warn'), error: log('error') },
    };
  }

  /**
   * Writes what is left. Never rejects. Of a handler that goes on, such as one that has timed out, only the log is still written,
   * because its progress could replace that of the next attempt.
   */
  async end(parts: ReportParts): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    if (this.#isDue) await this.#write(parts);
    this.#hasEnded = true;
  }

  #schedule(parts: ReportParts): void {
    if (this.#isDue) return;
    this.#isDue = true;
    const wait = Math.max(0, this.#writtenAt + WRITE_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#writing = this.#write(parts);
    }, wait).unref();
  }

  async #write({ db, logFailure }: ReportParts): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    this.#isDue = false;
    this.#writtenAt = performance.now();
    try {
      const { jobId } = this.#subject;
      await writeReport(db, jobId, { progress: this.#progress, lines, isLate: this.#hasEnded });
    } catch (error) {
      logFailure(error, { ...this.#subject }, 'could not write the progress of a job');
    }
  }
}

function lineOf(fields: object, text: string): string {
  const { err, ...rest }: Record<string, unknown> = { ...fields };
  const cause = err instanceof Error ? `: ${err.message}` : '';
  const details = Object.keys(rest).length > 0 ? ` ${JSON.stringify(redact(rest))}` : '';
  return redactText(`${text}${cause}${details}`).slice(0, LINE_LENGTH);
}

/** Replaces a job's progress unless it is late, and adds lines to those of earlier attempts. */
async function writeReport(
  db: Db,
  jobId: string,
  {
    progress,
    lines,
    isLate,
  }: {
    progress: Omit<JobReportRow, 'lines'> | undefined;
    lines: readonly JobLogLine[];
    isLate: boolean;
  },
): Promise<void> {
  const { done, total, words } = progress ?? { done: null, total: null, words: null };
  const newProgress = sql`done = excluded.done, total = excluded.total, words = excluded.words,`;
  await sql`
    insert into job_reports (job_id, done, total, words, lines)
    values (${jobId}, ${done}, ${total}, ${words}, ${JSON.stringify(lines)}::jsonb)
    on conflict (job_id) do update set updated_at = now(), ${isLate ? sql`` : newProgress}
      lines = coalesce((
        select jsonb_agg(line order by number) from (
          select line, number from jsonb_array_elements(job_reports.lines || excluded.lines) with ordinality as every (line, number)
          order by number desc limit ${sql.lit(MAX_LINES)}
        ) as newest
      ), '[]')
  `.execute(db);
}

/** Finds a job's progress and log; undefined without any. */
export function findReport(db: Db, jobId: string): Promise<JobReportRow | undefined> {
  return db
    .selectFrom('job_reports')
    .select(['done', 'total', 'words', 'lines'])
    .where('job_id', '=', jobId)
    .executeTakeFirst();
}
