import { describe, expect, it } from 'vitest';
import { renderPolicy, rightOf } from '../../../deploy/nomad/acl.ts';

describe('the right that a call needs', () => {
  it.each([
    ['POST', '/jobs', 'submit-job', 'register-job'],
    ['POST', '/jobs/parse', 'submit-job', 'parse-job'],
    ['POST', '/job/team%2Fweb/plan', 'submit-job', 'plan-job'],
    ['POST', '/deployment/promote/1', 'submit-job', 'promote-deployment'],
    ['DELETE', '/job/web/versions/saddlebag-1/tag', 'submit-job', 'tag-job-version'],
    ['DELETE', '/job/web', 'submit-job', 'deregister-job'],
    ['GET', '/jobs', 'list-jobs', undefined],
    ['GET', '/client/fs/logs/1', 'read-logs', undefined],
    ['GET', '/job/web/versions', 'read-job', undefined],
    ['PUT', '/whatever', 'submit-job', undefined],
  ])('%s %s is %s', (method, path, capability, since1112) => {
    const right = rightOf({ method, path });
    expect([right.capability, right.since1112]).toEqual([capability, since1112]);
  });

  it('is in the policy that is printed', () => {
    expect(renderPolicy('apps')).toContain(
      'namespace "apps" {\n  capabilities = ["list-jobs", "read-job", "read-logs", "submit-job"]\n}',
    );
  });
});
