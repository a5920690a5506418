package townlake;

import java.util.Map;
import org.apache.iceberg.catalog.Catalog;
import org.apache.iceberg.rest.RESTCatalog;
import org.apache.iceberg.view.ViewCatalogTests;
import org.junit.jupiter.api.BeforeEach;

/** Apache Iceberg's own tests of a catalog's views. */
public class ViewsTest extends ViewCatalogTests<RESTCatalog> {
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
    protected Catalog tableCatalog() {
        return catalog;
    }

    @Override
    protected boolean supportsServerSideRetry() {
        return true;
    }

    @Override
    protected boolean requiresNamespaceCreate() {
        return true;
    }
}
