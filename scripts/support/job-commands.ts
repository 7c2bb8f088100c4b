import { JOB_ACTIONS, SCHEDULE_ACTIONS } from '../../src/queue/index.ts';

/** The commands of `npm run jobs` besides the actions on jobs and schedules. */
const OTHERS = ['stats', 'list', 'show', 'tail', 'pause', 'resume', 'schedules'] as const;

export type OtherCommand = (typeof OTHERS)[number];

/** Whether there is a command of this name. */
export function isCommand(name: string): boolean {
  return Object.hasOwn(JOB_ACTIONS, name) || [...OTHERS, ...SCHEDULE_ACTIONS].some((other) => other === name);
}
