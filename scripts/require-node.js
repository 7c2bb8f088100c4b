// Run by npm after an install. Plain JavaScript, because Node before 24 does not run our TypeScript.
if (Number.parseInt(process.versions.node, 10) < 24) {
  console.error(
    `Pennypost needs Node 24 or newer in production, and this is ${process.version}. Only npm ci without --omit=dev brings its own.`,
  );
  process.exitCode = 1;
}
