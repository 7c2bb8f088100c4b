import { runMain } from '../src/process.ts';
import { watchRoutes } from './reference/routes.ts';
import { withApp } from './support/app.ts';

/** `npm run routes`: prints every route, who may use it, and the limit that it counts for. */
await runMain(async () => {
  let list: ReturnType<typeof watchRoutes> = () => [];
  await withApp(
    async () => {
      const rows = list().map(({ method, path, audience, limit = '' }) => [method, path, audience, limit]);
      const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
      for (const row of rows)
        console.log(
          row
            .map((cell, column) => cell.padEnd(widths[column] ?? 0))
            .join('  ')
            .trimEnd(),
        );
    },
    (app) => {
      list = watchRoutes(app);
    },
  );
});
