import { describeFaults } from './publish-faults.ts';

describeFaults({ kills: 20, lines: 100 });
