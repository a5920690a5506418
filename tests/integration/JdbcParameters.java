import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;

/** A value of every kind that a PreparedStatement takes, as it comes back. */
public class JdbcParameters {
    interface Setter {
        void set(PreparedStatement statement) throws Exception;
    }

    static void check(Connection connection, String name, Setter setter) throws Exception {
        try (PreparedStatement statement = connection.prepareStatement("SELECT ? AS v")) {
            setter.set(statement);
            ResultSet rows = statement.executeQuery();
            rows.next();
            Object value = rows.getObject(1);
            String text = value instanceof byte[] ? Arrays.toString((byte[]) value) : String.valueOf(value);
            System.out.println(name + " " + text + " " + rows.getMetaData().getColumnTypeName(1));
        }
    }

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", "admin");
        properties.setProperty("explicitPrepare", arguments[1]);
        try (Connection connection = DriverManager.getConnection("jdbc:trino://" + arguments[0] + "/ops/public", properties)) {
            check(connection, "null", s -> s.setNull(1, Types.VARCHAR));
            check(connection, "boolean", s -> s.setBoolean(1, true));
            check(connection, "byte", s -> s.setByte(1, (byte) -128));
            check(connection, "short", s -> s.setShort(1, (short) 32767));
            check(connection, "int", s -> s.setInt(1, -5));
            check(connection, "long", s -> s.setLong(1, Long.MIN_VALUE));
            check(connection, "float", s -> s.setFloat(1, 1.25f));
            check(connection, "double", s -> s.setDouble(1, -1.5e300));
            check(connection, "nan", s -> s.setDouble(1, Double.NaN));
            check(connection, "infinity", s -> s.setFloat(1, Float.NEGATIVE_INFINITY));
            check(connection, "decimal", s -> s.setBigDecimal(1, new BigDecimal("12345678901234567890.123456789")));
            check(connection, "small", s -> s.setBigDecimal(1, new BigDecimal("-0.05")));
            check(connection, "string", s -> s.setString(1, "it's ? -- \u00e9\ud83d\ude00"));
            check(connection, "bytes", s -> s.setBytes(1, new byte[] {0, -1, 65}));
            check(connection, "date", s -> s.setDate(1, java.sql.Date.valueOf("2024-02-29")));
            check(connection, "time", s -> s.setTime(1, Time.valueOf("01:02:03")));
            check(connection, "timestamp", s -> s.setTimestamp(1, Timestamp.valueOf("2024-02-29 01:02:03.456")));
            check(connection, "localdate", s -> s.setObject(1, LocalDate.of(2024, 1, 2)));
            check(connection, "localdatetime", s -> s.setObject(1, LocalDateTime.of(2024, 1, 2, 3, 4, 5, 600000000)));
            check(connection, "instant", s -> s.setObject(1, Instant.ofEpochSecond(1700000000)));
            check(connection, "typed", s -> s.setObject(1, "5.25", Types.DECIMAL));
            describe(connection);
            batch(connection);
        }
    }

    static void describe(Connection connection) throws Exception {
        try (PreparedStatement statement = connection.prepareStatement("SELECT account_id, plan FROM accounts WHERE account_id = ? AND plan <> ?")) {
            ResultSetMetaData meta = statement.getMetaData();
            System.out.println("described " + meta.getColumnCount() + " " + meta.getColumnName(2) + " " + statement.getParameterMetaData().getParameterCount());
        }
    }

    static void batch(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE lake.scratch.from_batch (a BIGINT, b VARCHAR)");
        }
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO lake.scratch.from_batch VALUES (?, ?)")) {
            insert.setLong(1, 1);
            insert.setString(2, "x");
            insert.addBatch();
            insert.setLong(1, 2);
            insert.setNull(2, Types.VARCHAR);
            insert.addBatch();
            System.out.println("batch " + Arrays.toString(insert.executeBatch()));
        }
        try (Statement statement = connection.createStatement()) {
            statement.execute("DROP TABLE lake.scratch.from_batch");
        }
    }
}
