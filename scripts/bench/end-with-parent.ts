/** Loaded into the helpers of a benchmark, which may be interrupted. */
process.once('disconnect', () => process.exit(1));
