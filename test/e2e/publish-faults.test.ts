import { describeFaults } from './publish-faults.ts';

describeFaults({ kills: 3, lines: 6 });
