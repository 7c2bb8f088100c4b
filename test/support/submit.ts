import { waitFor } from './wait-for.ts';

/** Submits a form to a running process, and again while the process is too busy to take it. Follows no redirect. */
export function submit(url: string, fields: Record<string, string>): Promise<Response> {
  return waitFor(async () => {
    const response = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams(fields),
      redirect: 'manual',
    });
    return response.status !== 503 && response;
  }, `an answer to ${url}`);
}
