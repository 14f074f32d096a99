internal import GRDB

// GRDB's own subscripts end the process if a value is of another type. SQLite keeps any type in any column, so that a damaged file can
// contain such a value, and another program can write one.
extension Row {
  /// The value of a column.
  ///
  /// - Throws: A `DatabaseError` that names the column, for a value of another type and for none.
  func value<Value: DatabaseValueConvertible>(of column: String, as: Value.Type = Value.self) throws -> Value {
    guard let value: Value = try value(ifIn: column) else { throw Self.unfit(column) }
    return value
  }

  /// The value of a column; nil if it is NULL.
  ///
  /// - Throws: A `DatabaseError` that names the column, for a value of another type.
  func value<Value: DatabaseValueConvertible>(ifIn column: String, as: Value.Type = Value.self) throws -> Value? {
    let stored: DatabaseValue = self[column]
    if stored.isNull { return nil }
    guard let value = Value.fromDatabaseValue(stored) else { throw Self.unfit(column) }
    return value
  }

  private static func unfit(_ column: String) -> DatabaseError {
    DatabaseError(message: "the column \(column) has no value of its type")
  }
}
