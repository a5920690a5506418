/* sources/files/files.h -- the kind "files": a folder of Parquet, CSV and JSON, each file or subfolder a view.
 *
 * Names: "<folder>/orders.parquet" is main.orders; all files of one format below "<folder>/events/" are main.events; when the
 *   folder itself holds parts like "day=2024-01-01/", all of it is one view with the folder's name.  Letters become
 *   lower case, every other character but digits "_"; two files that would get one name are an error, never a silent choice.
 * Left out: hidden files, names that start with "_", links, files of other kinds.
 * New files in a subfolder are seen at once; new views by attaching again.
 * At use the plan shows the table functions read_parquet, read_csv and read_json.
 */
#ifndef TL_SOURCES_FILES_FILES_H
#define TL_SOURCES_FILES_FILES_H

#include "source/source.h"

extern const struct tl_source_driver tl_source_driver_files;

#endif
