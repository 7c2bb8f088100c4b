/** Operators' actions on jobs, each with the verb that reports it. */
export const JOB_ACTIONS = {
  run: 'started',
  retry: 'retried',
  cancel: 'cancelled',
  restore: 'restored',
  delete: 'deleted',
  redrive: 'redriven',
} as const;
export type JobAction = keyof typeof JOB_ACTIONS;

/** Reports an action, as in `2 jobs retried.` */
export function describeResult(action: JobAction, count: number): string {
  return `${count} ${count === 1 ? 'job' : 'jobs'} ${JOB_ACTIONS[action]}.`;
}

export const SCHEDULE_ACTIONS = ['pause-schedule', 'resume-schedule', 'run-schedule'] as const;
export type ScheduleAction = (typeof SCHEDULE_ACTIONS)[number];
