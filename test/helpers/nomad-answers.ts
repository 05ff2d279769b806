/** An allocation of the job `web` that runs, as a list of Nomad has it. */
export const runningAllocation = {
  ID: '0123456789',
  EvalID: 'e',
  Name: 'web.g[0]',
  TaskGroup: 'g',
  JobVersion: 0,
  DesiredStatus: 'run',
  ClientStatus: 'running',
  CreateIndex: 7,
};
