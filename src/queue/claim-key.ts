/** Identifies a claim. */
export interface ClaimKey {
  readonly queue: string;
  readonly jobId: string;
  /** When the job was fetched, by the database's clock. Distinguishes claims of the same attempt. */
  readonly claimedAt: Date;
}

export function isSameClaim(one: ClaimKey, other: ClaimKey): boolean {
  return one.jobId === other.jobId && one.claimedAt.getTime() === other.claimedAt.getTime();
}
