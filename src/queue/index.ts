/** The queue's public interface. The other files of this folder are private. */

export {
  describeResult,
  JOB_ACTIONS,
  type JobAction,
  SCHEDULE_ACTIONS,
  type ScheduleAction,
} from './actions.ts';
export { QueueAdmin } from './admin.ts';
export { findJob } from './attempts.ts';
export { type AuditEntry, listActions, recordAction } from './audit.ts';
export type { Batch } from './batch.ts';
export {
  type Clock,
  enableClockOverride,
  installedQueueSchema,
  QUEUE_CONNECTIONS,
  QUEUE_SCHEMA,
} from './boss.ts';
export { listOpenBreakers, type OpenBreaker, openBreaker, probeNow } from './breaker.ts';
export { Channels, type Listener } from './channels.ts';
export type { ThreadContext } from './compute-thread.ts';
export type { Connection, ConnectionOptions, ConnectionUse } from './connection.ts';
export {
  type BatchCounts,
  batchCounts,
  DATABASE_ONLY,
  defineQueue,
  type JobKey,
  type Progress,
  type QueueContract,
  type Schedule,
} from './contract.ts';
export { createQueueTables } from './create-tables.ts';
export { deadLetterName, isDeadLetter } from './dead-letters.ts';
export { describeRule } from './describe-rule.ts';
export { DURATION_BUCKETS, type DurationCount, readDurations } from './durations.ts';
export {
  NoFreeThread,
  OldSchema,
  PermanentFailure,
  SlowDown,
  TimedOut,
  TooManyLimits,
  TryLater,
} from './errors.ts';
export type { JobEnd, JobEvents } from './events.ts';
export { type FollowedAttempt, followAttempts, newestAttempt } from './follow.ts';
export {
  type DurationPoint,
  type HistoryPoint,
  type HistoryStep,
  PERCENTILES,
  readDurationHistory,
  readHistory,
  recordHistory,
} from './history.ts';
export { defineJob, type JobContext, type JobDefinition, type JobRun, UnknownPayload } from './job.ts';
export type { JobQueue } from './job-queue.ts';
export {
  type AttemptRecord,
  JOB_ID,
  JOB_STATES,
  type JobDetails,
  type JobFilter,
  type JobPage,
  type JobState,
  type JobSummary,
  type QueueCounts,
} from './jobs.ts';
export { countJobs } from './jobs-table.ts';
export { EACH_KEY, type JobLimit, listLimits, MAX_LIMITS, setLimit, WHOLE_QUEUE } from './limits.ts';
export { countKinds, findJobIds, listJobs, readClock } from './list-jobs.ts';
export { isOld, migrateQueue, queueMigration } from './migrate.ts';
export type { JobContextStore, QueueOptions } from './options.ts';
export { listPausedQueues, pauseQueue, resumeQueue } from './pause.ts';
export { persist } from './persist.ts';
export { queue } from './plugin.ts';
export {
  drainWorker,
  hasConsumingWorker,
  listLiveWorkers,
  listLostWorkers,
  type Worker,
} from './presence.ts';
export { readPulse } from './pulse.ts';
export type { PayloadOf, Queue, SendOptions } from './queue.ts';
export { parseRate, RATE_FORMAT, type Rate } from './rate.ts';
export { nextTime, nextTimes, ruleOf } from './recurrence.ts';
export { type Redaction, redact, redactText } from './redact.ts';
export { type BatchStatus, type FlowNode, findRelations, type JobLink, type Relations } from './relations.ts';
export { Repeater } from './repeater.ts';
export type { JobLog, Reporting } from './report.ts';
export { actOnSchedule, hasSchedule, nameOfSchedule } from './schedule-actions.ts';
export { listSchedules, type ScheduleKey, type ScheduleStatus } from './schedules.ts';
export { type FindSubjects, type Fragment, readSearch, type Search, type Term } from './search.ts';
export { newShare, type Share } from './share.ts';
export { type Step, step } from './step.ts';
export { synchroniseQueues } from './synchronise.ts';
export type { JobAttemptOutcome, JobLogLine, QueueTables, RunningJob } from './tables.ts';
export { type Compute, type Program, Threads } from './threads.ts';
export { isTimeZone } from './time-zone.ts';
