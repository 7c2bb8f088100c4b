import t from 'tap';
import { COSTS } from '../../scripts/simulate/costs.ts';
import { plan, simulate } from '../../scripts/simulate/plan.ts';
import { Simulation } from '../../scripts/simulate/simulation.ts';
import { Site } from '../../scripts/simulate/site.ts';

t.test('a server that is half busy makes requests wait as long as queueing theory says', async (t) => {
  const simulation = new Simulation(1);
  const machines = { webProcesses: 1, workers: 0, connections: 1, primaryCores: 1, replicaCores: 0 };
  const site = new Site(simulation, machines, COSTS);
  let waited = 0;
  let count = 0;
  function* arrivals() {
    for (;;) {
      yield simulation.after(simulation.interval(2));
      simulation.start(one());
    }
  }
  function* one() {
    const arrivedAt = simulation.now;
    yield* site.work(site.primary, 1);
    waited += simulation.now - arrivedAt;
    count += 1;
  }
  simulation.start(arrivals());
  simulation.runUntil(200_000);
  // Pollaczek and Khinchine: half busy, and the square of the times has a mean of 1.25.
  const expected = 1 + (0.5 * 1.25) / (2 * (1 - 0.5));
  t.ok(Math.abs(waited / count / expected - 1) < 0.05, `${waited / count} instead of ${expected}`);
});

t.test('more members never need less, and get their pages as fast', async (t) => {
  const plans = [1_000, 100_000, 1_000_000, 10_000_000].map((members) => plan(members, COSTS));
  for (const [index, { machines, storage, rates }] of plans.entries()) {
    const smaller = plans[index - 1];
    if (smaller === undefined) continue;
    t.ok(machines.webProcesses >= smaller.machines.webProcesses);
    t.ok(machines.primaryCores >= smaller.machines.primaryCores);
    t.ok(storage.firstYear > smaller.storage.firstYear);
    t.ok(rates.member > smaller.rates.member);
  }
  const large = plans.at(-1);
  t.ok(large && simulate(large, COSTS, 2_000).p99 < 100);
});

t.test('busy sites read from replicas, and the largest are several sites', async (t) => {
  t.equal(plan(10_000_000, COSTS).shards, 1);
  t.equal(plan(100_000_000, COSTS).shards, 10);
  t.equal(plan(10_000_000, COSTS).machines.replicaCores, 0);
  t.ok(plan(10_000_000, COSTS, 100).machines.replicaCores > 0);
});
