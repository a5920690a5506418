package townlake;

import java.util.Map;
import org.apache.iceberg.catalog.CatalogTests;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.rest.RESTCatalog;
import org.junit.jupiter.api.BeforeEach;

/** Apache Iceberg's own tests of a catalog. */
public class TablesTest extends CatalogTests<RESTCatalog> {
    private RESTCatalog catalog;

    @BeforeEach
    public void open() {
        catalog = Catalogs.open("lake", Map.of());
        Catalogs.empty(catalog);
    }

    @Override
    protected RESTCatalog catalog() {
        return catalog;
    }

    @Override
    protected RESTCatalog initCatalog(String name, Map<String, String> more) {
        return Catalogs.open(name, more);
    }

    @Override
    protected String baseTableLocation(TableIdentifier table) {
        return System.getProperty("townlake.warehouse") + "/" + table.namespace() + "/" + table.name();
    }

    @Override
    protected boolean supportsNestedNamespaces() {
        return true;
    }

    @Override
    protected boolean requiresNamespaceCreate() {
        return true;
    }

    @Override
    protected boolean supportsServerSideRetry() {
        return true;
    }

    @Override
    protected boolean supportsNamesWithSlashes() {
        return false;
    }

    @Override
    protected boolean supportsNamesWithDot() {
        return false;
    }
}
