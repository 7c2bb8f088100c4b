import type { JobAction } from '../../src/queue/admin.ts';

/** The actions on jobs, and what has happened to the jobs afterwards. */
export const ACTIONS: Readonly<Record<JobAction, string>> = {
  run: 'started',
  retry: 'retried',
  cancel: 'cancelled',
  restore: 'restored',
  delete: 'deleted',
  redrive: 'redriven',
};

/** The other commands of `npm run jobs`. */
const OTHERS = ['stats', 'list', 'show', 'tail', 'pause', 'resume'] as const;

export type OtherCommand = (typeof OTHERS)[number];

/** Whether there is a command of this name. */
export function isCommand(name: string): boolean {
  return Object.hasOwn(ACTIONS, name) || OTHERS.some((other) => other === name);
}
