/* remove_tree.h - removing a directory somebody else could write in. */
#ifndef FIRMA_REMOVE_TREE_H
#define FIRMA_REMOVE_TREE_H

/* Removes NAME in PARENT with all it holds: by descriptor, never through a link, never into another
 * file system, at most sixteen levels deep. 0, or -1 if something stayed. */
int firma_remove_tree(int parent, const char *name);

#endif
