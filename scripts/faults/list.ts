import { databaseFaults } from './database.ts';
import type { Fault } from './fault.ts';
import { mailFaults } from './mail.ts';
import { processFaults } from './processes.ts';
import { replicaFaults } from './replica.ts';

/** All faults, in the order in which they are tried. */
export const faults: readonly Fault[] = [
  ...databaseFaults,
  ...mailFaults,
  ...processFaults,
  ...replicaFaults,
];

/** Those that are quickly over, for `--short`. */
export const SHORT: readonly string[] = [
  'postgres-crashed',
  'database-read-only',
  'smtp-drops-in-data',
  'web-killed-in-a-post',
];
