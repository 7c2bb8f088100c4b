import t from 'tap';
import { CircuitBreaker, type DatabaseUse } from '../../src/database/circuit-breaker.ts';
import { StillUnavailable } from '../../src/database/unavailable.ts';

function request(route: string, ms = 60_000): DatabaseUse {
  return { route, deadline: performance.now() + ms, isVital: false, hasBegun: false, hasFailed: false };
}

function run(breaker: CircuitBreaker, use: DatabaseUse, hasFailed: boolean): void {
  breaker.begin(use);
  use.hasFailed = hasFailed;
  breaker.end(use);
}

t.test('after three failures in a row, one request at a time tries the route', async (t) => {
  const breaker = new CircuitBreaker();
  for (const hasFailed of [true, true, false, true, true]) run(breaker, request('a'), hasFailed);
  t.doesNotThrow(() => breaker.begin(request('a')));
  run(breaker, request('a'), true);

  const probe = request('a');
  breaker.begin(probe);
  t.throws(() => breaker.check(request('a')), StillUnavailable);
  t.doesNotThrow(() => breaker.check(request('b')), 'other routes are open');
  breaker.end(probe);
  t.doesNotThrow(() => breaker.check(request('a')), 'it has succeeded');
});

t.test('a request that never ends only holds up others until its deadline', async (t) => {
  const breaker = new CircuitBreaker();
  for (let failure = 0; failure < 3; failure += 1) run(breaker, request('a'), true);
  breaker.begin(request('a', -1));
  t.doesNotThrow(() => breaker.begin(request('a')));
  t.throws(() => breaker.begin(request('a')), StillUnavailable);
});
