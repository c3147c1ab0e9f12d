/**
 * Numbers that must not be mixed up: branded so that tsc refuses the wrong one.
 * The brands exist only in types; a branded number costs nothing at run time.
 */

declare const brand: unique symbol;

/** Number of a page frame. */
export type Pfn = number & { readonly [brand]: 'pfn' };

/** Number of a slot in swap space. */
export type SwapSlot = number & { readonly [brand]: 'swap' };
