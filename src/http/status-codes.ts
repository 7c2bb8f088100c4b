/** The reason phrase of each HTTP status. Importing `node:http` would also load undici, which takes 40 ms. */
export const { STATUS_CODES } = process.getBuiltinModule('node:http');
