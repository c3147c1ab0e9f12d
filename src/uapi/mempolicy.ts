/**
 * Flags of move_pages(2). Pure data.
 * Answers to linux/mempolicy.h.
 */

/** Moves pages that this process alone maps. @since Linux 2.6.16 */
export const MPOL_MF_MOVE = 2;
/** Moves pages that other processes map too; needs CAP_SYS_NICE. @since Linux 2.6.16 */
export const MPOL_MF_MOVE_ALL = 4;
