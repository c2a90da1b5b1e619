/** What `--route` takes. */
export const WORKLOAD_NAMES = ['read', 'list', 'insert'] as const;

/** One request of a workload. */
export interface WorkloadRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
}

/** One route under load. */
export interface Workload {
  readonly name: (typeof WORKLOAD_NAMES)[number];
  readonly title: string;
  readonly status: number;
  /** The request after the last one. */
  next(): WorkloadRequest;
}

/** The three routes; reads go through the users `ids` in turn, inserts never meet an address twice. */
export function workloads(ids: readonly string[]): readonly Workload[] {
  let reads = 0;
  let inserts = 0;
  return [
    {
      name: 'read',
      title: 'GET /users/:id',
      status: 200,
      next: () => ({ method: 'GET', path: `/users/${ids[reads++ % ids.length]}` }),
    },
    {
      name: 'list',
      title: 'GET /users?limit=20',
      status: 200,
      next: () => ({ method: 'GET', path: '/users?limit=20' }),
    },
    {
      name: 'insert',
      title: 'POST /users',
      status: 201,
      next() {
        inserts += 1;
        const user = { email: `new-${inserts}@example.com`, name: `New ${inserts}` };
        return { method: 'POST', path: '/users', body: JSON.stringify(user) };
      },
    },
  ];
}
