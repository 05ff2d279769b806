import { describeFaults } from './publish-faults.ts';

describeFaults({ kills: 2, lines: 5 });
