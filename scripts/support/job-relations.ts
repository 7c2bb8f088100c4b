import type { BatchStatus, FlowNode, JobLink, Relations } from '../../src/queue/index.ts';

/** Describes a job's flow and batch, as lines for a terminal. */
export function describeRelations({ flow, batch }: Relations): string[] {
  return [
    ...(flow.length > 0 ? ['flow, in which each job starts when those above it are completed:'] : []),
    ...linesOf(flow),
    ...(batch === undefined ? [] : [describeBatch(batch)]),
  ];
}

function linesOf(nodes: readonly FlowNode[], indent = '  '): string[] {
  const nameOf = ({ queue, id }: JobLink) => `${queue} ${id}`;
  return nodes.flatMap((node) => [
    `${indent}${nameOf(node)} ${node.state}${node.alsoAfter.map((other) => `, also after ${nameOf(other)}`).join('')}`,
    ...linesOf(node.next, `${indent}  `),
  ]);
}

function describeBatch({ members, isOpen, counts, follower }: BatchStatus): string {
  const { done, failed, cancelled, unfinished } = counts;
  const whole = `${members} jobs${isOpen ? ' so far' : ''}`;
  const ends = `${done} done, ${failed} failed, ${cancelled} cancelled or deleted, ${unfinished} unfinished`;
  return `batch of ${whole}: ${ends}; then ${follower.queue} ${follower.id} ${follower.state ?? 'deleted'}`;
}
