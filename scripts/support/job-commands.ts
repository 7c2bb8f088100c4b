import { DONE } from '../../src/queue/index.ts';

/** The commands besides the actions on jobs, of `npm run jobs`. */
const OTHERS = ['stats', 'list', 'show', 'tail', 'pause', 'resume'] as const;

export type OtherCommand = (typeof OTHERS)[number];

/** Whether there is a command of this name. */
export function isCommand(name: string): boolean {
  return Object.hasOwn(DONE, name) || OTHERS.some((other) => other === name);
}
