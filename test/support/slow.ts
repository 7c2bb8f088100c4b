/** The options of a test that tries together what others test one by one. Only `npm run test:slow` runs it. */
export const SLOW = { skip: process.env.TEST_SLOW === undefined && 'in npm run test:slow' };
