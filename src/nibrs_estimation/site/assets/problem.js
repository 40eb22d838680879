/** Something that a reader of the site should know, in whole sentences: what is wrong, why, and what helps. */
export class Problem extends Error {}
