package townlake;

import java.util.HashMap;
import java.util.Map;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.rest.RESTCatalog;

/** The REST catalog of the running Town Lake, emptied before each test. */
final class Catalogs {
    /** What the tests take for granted of a catalog's configuration. */
    private static final Map<String, String> DEFAULTS =
            Map.of(
                    "table-default.default-key1", "catalog-default-key1",
                    "table-default.default-key2", "catalog-default-key2",
                    "table-default.override-key3", "catalog-default-key3",
                    "table-override.override-key3", "catalog-override-key3",
                    "table-override.override-key4", "catalog-override-key4",
                    "view-default.key1", "catalog-default-key1",
                    "view-default.key2", "catalog-default-key2",
                    "view-default.key3", "catalog-default-key3",
                    "view-override.key3", "catalog-override-key3",
                    "view-override.key4", "catalog-override-key4");

    private Catalogs() {}

    static RESTCatalog open(String name, Map<String, String> more) {
        Map<String, String> properties = new HashMap<>(DEFAULTS);
        properties.putAll(more);
        properties.put("uri", System.getProperty("townlake.uri"));
        properties.put("token", System.getProperty("townlake.token"));
        properties.put("io-impl", "org.apache.iceberg.hadoop.HadoopFileIO");
        RESTCatalog catalog = new RESTCatalog();
        catalog.setConf(new org.apache.hadoop.conf.Configuration());
        catalog.initialize(name, properties);
        return catalog;
    }

    static void empty(RESTCatalog catalog) {
        for (Namespace namespace : catalog.listNamespaces()) {
            empty(catalog, namespace);
        }
    }

    private static void empty(RESTCatalog catalog, Namespace namespace) {
        for (Namespace inner : catalog.listNamespaces(namespace)) {
            empty(catalog, inner);
        }
        catalog.listTables(namespace).forEach(table -> catalog.dropTable(table, true));
        catalog.listViews(namespace).forEach(catalog::dropView);
        catalog.dropNamespace(namespace);
    }
}
