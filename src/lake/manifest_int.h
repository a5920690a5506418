/* lake/manifest_int.h -- the fields of manifest lists and manifests: stated once, for the reader and the writer. */
#ifndef TL_LAKE_MANIFEST_INT_H
#define TL_LAKE_MANIFEST_INT_H

#include "lake/manifest.h"

enum {
    /* manifest list */
    LIST_PATH = 500, LIST_SIZE = 501, LIST_SPEC = 502, LIST_CONTENT = 517, LIST_SEQUENCE = 515, LIST_MIN_SEQUENCE = 516, LIST_SNAPSHOT = 503,
    LIST_ADDED_FILES = 504, LIST_EXISTING_FILES = 505, LIST_DELETED_FILES = 506, LIST_ADDED_ROWS = 512, LIST_EXISTING_ROWS = 513,
    LIST_DELETED_ROWS = 514, LIST_PARTITIONS = 507, LIST_PARTITION = 508, LIST_KEY_METADATA = 519, LIST_FIRST_ROW_ID = 520,
    PARTITION_NULL = 509, PARTITION_NAN = 518, PARTITION_LOWER = 510, PARTITION_UPPER = 511,
    /* manifest */
    ENTRY_STATUS = 0, ENTRY_SNAPSHOT = 1, ENTRY_SEQUENCE = 3, ENTRY_FILE_SEQUENCE = 4, ENTRY_FILE = 2,
    FILE_CONTENT = 134, FILE_PATH = 100, FILE_FORMAT = 101, FILE_PARTITION = 102, FILE_RECORDS = 103, FILE_SIZE = 104, FILE_BLOCK_SIZE = 105,
    FILE_COLUMN_SIZES = 108, FILE_VALUE_COUNTS = 109, FILE_NULL_COUNTS = 110, FILE_NAN_COUNTS = 137, FILE_LOWER = 125, FILE_UPPER = 128,
    FILE_KEY_METADATA = 131, FILE_SPLITS = 132, FILE_EQUALITY = 135, FILE_ORDER = 140, FILE_FIRST_ROW_ID = 142, FILE_REFERENCED = 143,
    FILE_OFFSET = 144, FILE_CONTENT_SIZE = 145,
};

/* A numeric field's place in its struct; -1 stands for "not known". */
struct manifest_number {
    int64_t id;
    size_t offset;
};
extern const struct manifest_number manifest_list_numbers[];
extern const size_t manifest_list_number_count;
extern const struct manifest_number manifest_file_numbers[];
extern const size_t manifest_file_number_count;

#endif
