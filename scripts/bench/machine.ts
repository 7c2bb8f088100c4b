import { arch, availableParallelism, cpus, totalmem, type } from 'node:os';

/** Describes the machine. */
export function machine(): string {
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return `${availableParallelism()} cores (${cpus()[0]?.model ?? arch()}), ${gigabytes} GB, ${type()}, Node ${process.versions.node}`;
}
