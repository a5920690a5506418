import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.sql.*;
import java.util.*;

/** Asks everything DatabaseMetaData has, then what database tools ask in their ways. */
public class JdbcMetadata {
    static Object argument(Class<?> type) {
        return type == int.class ? (Object) 1 : type == boolean.class ? (Object) false : null;
    }

    static void walk(DatabaseMetaData meta) throws Exception {
        Method[] methods = DatabaseMetaData.class.getMethods();
        Arrays.sort(methods, Comparator.comparing(Method::getName));
        int failures = 0, results = 0;
        for (Method method : methods) {
            if (Modifier.isStatic(method.getModifiers()) || method.getDeclaringClass() == Wrapper.class) continue;
            Object[] arguments = Arrays.stream(method.getParameterTypes()).map(JdbcMetadata::argument).toArray();
            try {
                Object answer = method.invoke(meta, arguments);
                if (answer instanceof ResultSet) {
                    ResultSet rows = (ResultSet) answer;
                    while (rows.next()) rows.getObject(1);
                    results++;
                }
            } catch (InvocationTargetException failed) {
                Throwable cause = failed.getCause();
                boolean driver = cause instanceof SQLFeatureNotSupportedException || cause.getClass().getSimpleName().equals("NotImplementedException");
                if (!driver) {
                    failures++;
                    System.out.println("failed " + method.getName() + " " + cause.getMessage());
                }
            }
        }
        System.out.println("walked failures=" + failures + " results=" + results);
    }

    static void show(String what, ResultSet rows, String... columns) throws Exception {
        StringBuilder text = new StringBuilder(what);
        while (rows.next()) {
            text.append(" |");
            for (String column : columns) text.append(' ').append(rows.getString(column));
        }
        System.out.println(text);
    }

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", "admin");
        try (Connection connection = DriverManager.getConnection("jdbc:trino://" + arguments[0], properties)) {
            DatabaseMetaData meta = connection.getMetaData();
            walk(meta);
            show("catalogs", meta.getCatalogs(), "TABLE_CAT");
            show("schemas", meta.getSchemas("ops", "p%"), "TABLE_CATALOG", "TABLE_SCHEM");
            show("tables", meta.getTables("ops", "public", "%t%s", new String[] {"TABLE", "VIEW"}), "TABLE_NAME", "TABLE_TYPE");
            show("escaped", meta.getTables("ops", "public", "api\\_tokens", null), "TABLE_NAME");
            show("columns", meta.getColumns("ops", "public", "invoices", "%"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS", "ORDINAL_POSITION", "IS_NULLABLE");
            show("types", meta.getTableTypes(), "TABLE_TYPE");
            transactions(connection);
        }
    }

    static void transactions(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            show("inside", statement.executeQuery("SELECT count(*) AS n FROM ops.public.accounts"), "n");
            connection.commit();
            show("again", statement.executeQuery("SELECT count(*) AS n FROM ops.public.accounts"), "n");
            connection.rollback();
        }
        connection.setAutoCommit(true);
        System.out.println("autocommit " + connection.getAutoCommit());
    }
}
