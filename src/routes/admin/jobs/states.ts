import type { JobAction, JobState } from '../../../queue/index.ts';

/** How pages name the states. */
export const STATE_NAMES: Partial<Record<JobState, string>> = { active: 'running', deferred: 'scheduled' };

/** The actions that make sense for dead letters. */
export const DEAD_ACTIONS: readonly JobAction[] = ['redrive', 'delete'];

/** The actions that make sense in each state. */
export const ACTIONS: Record<JobState, readonly JobAction[]> = {
  ready: ['cancel', 'delete'],
  active: ['cancel'],
  retrying: ['run', 'cancel', 'delete'],
  deferred: ['run', 'cancel', 'delete'],
  blocked: ['cancel', 'delete'],
  completed: ['delete'],
  failed: ['retry', 'delete'],
  cancelled: ['restore', 'delete'],
};
