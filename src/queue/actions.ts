export type JobAction = 'retry' | 'cancel' | 'restore' | 'run' | 'delete' | 'redrive';

/** What has happened to jobs after each action. */
export const DONE: Readonly<Record<JobAction, string>> = {
  run: 'started',
  retry: 'retried',
  cancel: 'cancelled',
  restore: 'restored',
  delete: 'deleted',
  redrive: 'redriven',
};

/** Says what an action has done, such as `2 jobs retried.` */
export function describeDone(action: JobAction, count: number): string {
  return `${count} ${count === 1 ? 'job' : 'jobs'} ${DONE[action]}.`;
}

export const SCHEDULE_ACTIONS = ['pause-schedule', 'resume-schedule', 'run-schedule'] as const;
export type ScheduleAction = (typeof SCHEDULE_ACTIONS)[number];
