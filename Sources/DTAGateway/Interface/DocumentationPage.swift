/// `GET /docs`: a page of our own that reads `/openapi.json` and tries calls. It loads nothing from other hosts.
enum DocumentationPage {
    static var page: [UInt8] { PackageResources.docs_html }
    static var style: [UInt8] { PackageResources.docs_css }
    static var script: [UInt8] { PackageResources.docs_js }

    /// Its own script and style, its own calls, and nothing else (https://www.w3.org/TR/CSP3/).
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors 'none'"
}
