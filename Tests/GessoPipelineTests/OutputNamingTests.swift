import GessoPipeline
import Testing

@Suite("Output names")
struct OutputNamingTests {
  static let stems: [(input: String, stem: String)] = [
    ("photo.jpg", "photo"), ("a/b/forest.large.jpg", "forest.large"), ("-", "stdin"), (".hidden", ".hidden"),
    ("noextension", "noextension"), ("dir.d/photo", "photo"), ("folder/", "folder"), ("..", "image"), ("/", "image"),
    ("https://example.com/a/cat.png?size=2#x", "cat"), ("http://example.com", "image"),
    ("HTTPS://example.com/dog.JPG", "dog"),
    ("https://example.com/", "image"),
  ]

  @Test("the stem of an input is its name without the last extension", arguments: stems)
  func stem(input: String, stem: String) { #expect(OutputNaming.stem(of: input) == stem) }

  static let lists: [(inputs: [String], stems: [String])] = [
    (["a.jpg", "b.jpg"], ["a", "b"]),
    (["x/a.jpg", "y/a.jpg", "z/a.png"], ["a", "a-2", "a-3"]),
    (["x/A.jpg", "y/a.jpg"], ["A", "a-2"]),
    (["x/a.jpg", "y/a.jpg", "a-2.jpg"], ["a", "a-3", "a-2"]),
    (["a-2.jpg", "x/a.jpg", "y/a.jpg"], ["a-2", "a", "a-3"]),
  ]

  @Test("no two outputs share a name, even on file systems that ignore case", arguments: lists)
  func unique(inputs: [String], stems: [String]) {
    #expect(OutputNaming.distinct(inputs.map(OutputNaming.stem(of:))) == stems)
  }
}
