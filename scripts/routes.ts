import { runMain } from '../src/run-main.ts';
import { watchRoutes } from './reference/routes.ts';
import { withApp } from './support/app.ts';
import { columns } from './support/columns.ts';

/** `npm run routes`: prints every route, who may use it, and its rate limit. */
await runMain(async () => {
  let list: ReturnType<typeof watchRoutes> = () => [];
  await withApp(
    async () => {
      const rows = list().map(({ method, path, audience, limit = '' }) => [method, path, audience, limit]);
      console.log(columns(rows));
    },
    (app) => {
      list = watchRoutes(app);
    },
  );
});
