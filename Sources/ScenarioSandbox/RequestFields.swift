internal import Foundation

/// Reads a JSON body into a typed value. Every error is a 400 that names the field.
enum RequestBody {
  static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws(ServiceError) -> Value {
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch let error as ServiceError {
      throw error
    } catch DecodingError.keyNotFound(let key, let context) {
      let name = path(context.codingPath + [key])
      throw .badRequest("Input \(name) is required", parameter: name)
    } catch DecodingError.typeMismatch(let expected, let context), DecodingError.valueNotFound(
      let expected, let context)
    {
      guard !context.codingPath.isEmpty else { throw .badRequest("The body must be a JSON object") }
      let name = path(context.codingPath)
      throw .badRequest("Input \(name) must be \(jsonName(of: expected))", parameter: name)
    } catch DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty {
      let name = path(context.codingPath)
      throw .badRequest("Input \(name) has a value that is not allowed", parameter: name)
    } catch {
      throw .badRequest("Malformed JSON")
    }
  }

  private static func path(_ keys: [any CodingKey]) -> String {
    keys.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
  }

  private static func jsonName(of type: any Any.Type) -> String {
    switch type {
    case is String.Type: "a string"
    case is Bool.Type: "a boolean"
    case is Double.Type: "a number"
    case is [Any].Type: "an array"
    default: "of another type"
    }
  }
}

extension KeyedDecodingContainer {
  /// The value of a field that may be left out. Unlike `decodeIfPresent`, this refuses null, because no field of the service is nullable.
  func given<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value? {
    contains(key) ? try decode(type, forKey: key) : nil
  }

  /// A whole number that may be left out; 2.0 counts as whole, as in JSON Schema.
  func integer(_ key: Key) throws -> Int? {
    guard let number = try given(Double.self, key) else { return nil }
    guard let integer = Int(exactly: number) else {
      throw ServiceError.badRequest("Input \(key.stringValue) must be an integer", parameter: key.stringValue)
    }
    return integer
  }

  /// A string that must be there and not be empty.
  func required(_ key: Key) throws -> String {
    let value = try decode(String.self, forKey: key)
    guard !value.isEmpty else {
      throw ServiceError.badRequest("Input \(key.stringValue) is required", parameter: key.stringValue)
    }
    return value
  }

  /// Refuses a number outside its range.
  func check<Number: Comparable & Numeric>(_ value: Number?, _ key: Key, in range: ClosedRange<Number>) throws {
    guard let value, !range.contains(value) else { return }
    let bound = value < range.lowerBound ? "at least \(range.lowerBound)" : "at most \(range.upperBound)"
    throw ServiceError.badRequest("Input \(key.stringValue) must be \(bound)", parameter: key.stringValue)
  }
}

/// The query of a request. Unknown parameters are ignored, and the first of repeated ones counts.
struct QueryParameters: Sendable {
  private let items: [(name: String, value: String)]

  /// Splits a raw query.
  init(_ query: String) throws(ServiceError) {
    var items: [(name: String, value: String)] = []
    for item in query.split(separator: "&") {
      let halves = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
        $0.replacing("+", with: " ").removingPercentEncoding
      }
      guard let name = halves[0], let value = halves.count > 1 ? halves[1] : "" else {
        throw .badRequest("The query is not percent-encoded UTF-8")
      }
      items.append((name, value))
    }
    self.items = items
  }

  /// The names of the parameters, in their order.
  var names: [String] { items.map(\.name) }

  /// The value of a parameter.
  subscript(name: String) -> String? { items.first { $0.name == name }?.value }

  /// `true` or `false`.
  func bool(_ name: String) throws(ServiceError) -> Bool? {
    guard let text = self[name] else { return nil }
    guard let value = Bool(text) else { throw refusal(name, "true or false") }
    return value
  }

  /// One of a type's raw values.
  func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String, of type: Choice.Type
  ) throws(ServiceError) -> Choice? where Choice.RawValue == String {
    guard let text = self[name] else { return nil }
    guard let value = Choice(rawValue: text) else {
      throw refusal(name, "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return value
  }

  /// Comma-separated texts; nil when the parameter is not there.
  func list(_ name: String) -> [String]? {
    self[name]?.split(separator: ",").map(String.init)
  }

  /// An RFC 3339 time.
  func date(_ name: String) throws(ServiceError) -> Date? {
    guard let text = self[name] else { return nil }
    let upper = text.uppercased()
    for style in [Wire.Timestamp.style, Date.ISO8601FormatStyle()] {
      if let date = try? style.parse(upper) { return date }
    }
    throw refusal(name, "a time such as 2026-10-02T09:30:00.000Z")
  }

  /// The length of the page, 1 to 100; 50 by default.
  func pageSize() throws(ServiceError) -> Int {
    guard let text = self["pageSize"] else { return 50 }
    guard let size = Int(text), (1...100).contains(size) else { throw refusal("pageSize", "an integer from 1 to 100") }
    return size
  }

  private func refusal(_ name: String, _ expected: String) -> ServiceError {
    .badRequest("Query parameter \(name) must be \(expected)", parameter: name)
  }
}

/// The position of an element in a list. Elements are sorted by time, and elements of the same millisecond by the order in which they were
/// made.
struct ListPosition: Comparable, Sendable {
  let date: Date
  let sequence: Int

  static func < (a: ListPosition, b: ListPosition) -> Bool {
    (a.date, a.sequence) < (b.date, b.sequence)
  }

  /// Milliseconds and sequence, the content of a page's token.
  var token: String { "\(Int((date.timeIntervalSince1970 * 1000).rounded()))-\(sequence)" }

  /// Reads a token.
  init(token: String) throws(ServiceError) {
    let numbers = token.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let milliseconds = numbers[0], let sequence = numbers[1] else {
      throw .badRequest("Invalid pagination token", parameter: "paginationToken")
    }
    self.init(date: Date(timeIntervalSince1970: Double(milliseconds) / 1000), sequence: sequence)
  }

  init(date: Date, sequence: Int) {
    self.date = date
    self.sequence = sequence
  }
}

/// One page of a list.
struct Page<Element> {
  let elements: [Element]
  /// The token of the next page; nil on the last page.
  let nextToken: String?

  /// Takes the page that `query` requests from the whole list.
  ///
  /// A token names a position, not an element: elements may come and go between two pages.
  init(
    of all: [Element], ascending: Bool = false, query: QueryParameters, position: (Element) -> ListPosition
  ) throws(ServiceError) {
    let size = try query.pageSize()
    // Positions are sorted instead of elements, because a list has thousands of large elements and a page only needs a
    // hundred.
    var rest = all.indices.map { (position: position(all[$0]), index: $0) }
    if let token = query["paginationToken"] {
      let last = try ListPosition(token: token)
      rest.removeAll { ascending ? $0.position <= last : $0.position >= last }
    }
    rest.sort { ascending ? $0.position < $1.position : $1.position < $0.position }
    let page = rest.prefix(size)
    elements = page.map { all[$0.index] }
    nextToken = rest.count > size ? page.last?.position.token : nil
  }
}
