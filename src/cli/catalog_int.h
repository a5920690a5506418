/* cli/catalog_int.h -- the actions of `townlake catalog` that are about what people say. */
#ifndef TL_CLI_CATALOG_INT_H
#define TL_CLI_CATALOG_INT_H

#include "cli/cli_int.h"

bool tl_cli_wants_json(const struct tl_cli_job *job);
void tl_cli_print_json(const tl_json *answer);
void tl_cli_catalog_lineage(struct tl_cli_job *job);

void tl_cli_catalog_annotate(struct tl_cli_job *job);
void tl_cli_catalog_import(struct tl_cli_job *job);
void tl_cli_catalog_export(struct tl_cli_job *job);
void tl_cli_catalog_export_one(struct tl_cli_job *job);
void tl_cli_catalog_history(struct tl_cli_job *job);
void tl_cli_catalog_terms(struct tl_cli_job *job);
void tl_cli_catalog_terms_with(struct tl_cli_job *job);
void tl_cli_catalog_term(struct tl_cli_job *job);
void tl_cli_catalog_domains(struct tl_cli_job *job);
void tl_cli_catalog_domain(struct tl_cli_job *job);
void tl_cli_catalog_pages(struct tl_cli_job *job);
void tl_cli_catalog_page(struct tl_cli_job *job);

#endif
