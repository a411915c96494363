// Whether this run takes every shared guard exclusively (exclusive-guards.ts): what needs two holders is left out.

export const isExclusive: boolean = process.env['RUBIDIUM_EXCLUSIVE_GUARDS'] === '1'
