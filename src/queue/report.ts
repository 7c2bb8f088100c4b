import { sql } from 'kysely';
import type { Progress } from './contract.ts';
import type { Parts } from './options.ts';
import { redact, redactText } from './redact.ts';
import type { Db, JobLogLine } from './tables.ts';

/** How often a job's report is written at most. */
const WRITE_MS = 1_000;

/** What is kept of a report: its newest lines, the characters of a line, and those of a result as JSON. */
const MOST_LINES = 100;
const LINE_LENGTH = 500;
const RESULT_LENGTH = 4_000;

/** The characters of a progress's words. */
const WORDS_LENGTH = 200;

type Level = 'info' | 'warn' | 'error';

/** Logs with the job's id, and shows the newest lines on its page. */
export type JobLog = Readonly<Record<Level, (fields: object, text: string) => void>>;

/** How a job tells about itself. */
export interface Reporting {
  /** Tells how far the job is. Written once a second at most. */
  readonly progress: Progress;
  /**
   * Keeps a small result with the job once it is completed.
   *
   * @throws TypeError if it takes more than 4,000 characters as JSON
   */
  readonly keep: (result: object) => void;
  readonly log: JobLog;
}

/** What a job has told about itself, as its page shows it. */
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

/** Collects what an attempt tells, and writes it occasionally. An attempt that tells nothing costs nothing. */
export class JobReport {
  /** The result to keep; null if there is none. */
  result: object | null = null;
  readonly #subject: Subject;
  #progress: { done: number; total: number; words: string | null } | undefined;
  /** Those that are not written yet. */
  #lines: JobLogLine[] = [];
  #isDue = false;
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #writtenAt = -Infinity;

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  /** What the job is given. */
  reporting(parts: ReportParts): Reporting {
    const log = (level: Level) => (fields: object, text: string) => {
      parts.app.log[level]({ ...this.#subject, ...fields }, text);
      this.#lines.push({ at: new Date().toISOString(), level, text: lineOf(fields, text) });
      this.#lines = this.#lines.slice(-MOST_LINES);
      this.#schedule(parts);
    };
    return {
      progress: (done, total, words = '') => {
        this.#progress = { done, total, words: redactText(words).slice(0, WORDS_LENGTH) || null };
        this.#schedule(parts);
      },
      keep: (result) => {
        if (JSON.stringify(result).length > RESULT_LENGTH)
          throw new TypeError('result: is too long to be kept');
        this.result = result;
      },
      log: { info: log('info'), warn: log('warn'), error: log('error') },
    };
  }

  /** Writes what is left. Never rejects. */
  async end(parts: ReportParts): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    if (this.#isDue) await this.#write(parts);
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
      await writeReport(db, this.#subject.jobId, { progress: this.#progress, lines });
    } catch (error) {
      logFailure(error, { ...this.#subject }, 'could not write what a job tells');
    }
  }
}

function lineOf(fields: object, text: string): string {
  const { err, ...rest }: Record<string, unknown> = { ...fields };
  const cause = err instanceof Error ? `: ${err.message}` : '';
  const details = Object.keys(rest).length > 0 ? ` ${JSON.stringify(redact(rest))}` : '';
  return redactText(`${text}${cause}${details}`).slice(0, LINE_LENGTH);
}

/** Replaces a job's progress, if it has told any, and adds lines to those of earlier attempts. */
async function writeReport(
  db: Db,
  jobId: string,
  { progress, lines }: { progress: Omit<JobReportRow, 'lines'> | undefined; lines: readonly JobLogLine[] },
): Promise<void> {
  const { done, total, words } = progress ?? { done: null, total: null, words: null };
  await sql`
    insert into job_reports (job_id, done, total, words, lines)
    values (${jobId}, ${done}, ${total}, ${words}, ${JSON.stringify(lines)}::jsonb)
    on conflict (job_id) do update set updated_at = now(),
      done = excluded.done, total = excluded.total, words = excluded.words,
      lines = coalesce((
        select jsonb_agg(line order by number) from (
          select line, number from jsonb_array_elements(job_reports.lines || excluded.lines) with ordinality as every (line, number)
          order by number desc limit ${sql.lit(MOST_LINES)}
        ) as newest
      ), '[]')
  `.execute(db);
}

/** What a job has told; undefined if nothing. */
export function findReport(db: Db, jobId: string): Promise<JobReportRow | undefined> {
  return db
    .selectFrom('job_reports')
    .select(['done', 'total', 'words', 'lines'])
    .where('job_id', '=', jobId)
    .executeTakeFirst();
}
