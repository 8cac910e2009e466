import base from './playwright.config';

// Takes the pictures of the README, and one of every page to look at:
// `npx playwright test --config pictures.config.ts` leaves them in shots/, and the README's in docs/.
export default { ...base, testDir: 'pictures', outputDir: 'test-results/pictures', timeout: 600_000 };
