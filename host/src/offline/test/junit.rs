//! A report in the format of JUnit, which CI services read.
//! <https://github.com/testmoapp/junitxml>

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::case_result::CaseResult;

/// Writes the results of the cases as one suite.
pub(super) fn write(suite: &str, results: &[CaseResult], out: impl Write) -> io::Result<()> {
    let mut writer = Writer::new_with_indent(out, b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let failed = results.iter().filter(|result| !result.passed()).count().to_string();
    let (all, seconds) = (results.len().to_string(), total_seconds(results));
    let suite = [
        ("name", suite),
        ("tests", &all),
        ("failures", &failed),
        ("errors", "0"),
        ("time", &seconds),
    ];
    writer.create_element("testsuites").write_inner_content(|writer| {
        writer.create_element("testsuite").with_attributes(suite).write_inner_content(
            |writer| results.iter().try_for_each(|result| write_case(result, writer)),
        )?;
        Ok(())
    })?;
    let out = writer.get_mut();
    writeln!(out)?;
    out.flush()
}

fn total_seconds(results: &[CaseResult]) -> String {
    format!("{:.3}", results.iter().map(|result| result.seconds).sum::<f64>())
}

fn write_case<W: Write>(result: &CaseResult, writer: &mut Writer<W>) -> io::Result<()> {
    let (name, seconds) = (without_controls(&result.name), format!("{:.3}", result.seconds));
    let attributes = [("name", &*name), ("classname", "mapping"), ("time", &seconds)];
    let element = writer.create_element("testcase").with_attributes(attributes);
    if result.passed() {
        element.write_empty()?;
        return Ok(());
    }
    element.write_inner_content(|writer| {
        for problem in &result.problems {
            let (summary, details) = (&problem.summary, &problem.details);
            let summary = without_controls(summary);
            let failure = writer.create_element("failure").with_attribute(("message", &*summary));
            failure.write_text_content(BytesText::new(&without_controls(details)))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// XML can't have control characters, not even escaped ones.
fn without_controls(text: &str) -> String {
    let replace = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => '\u{fffd}',
        c => c,
    };
    text.chars().map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offline::test::case_result::Problem;

    #[test]
    fn a_report_has_every_case_and_every_problem() {
        let passed = CaseResult { name: "a".to_owned(), seconds: 0.5, ..CaseResult::default() };
        let problem = Problem {
            summary: "latest.prom differs".to_owned(),
            details: "-a{b=\"<c>\"} 1\u{1}\n+a{b=\"<c>\"} 2\n".to_owned(),
        };
        let failed = CaseResult {
            name: "b & c".to_owned(),
            seconds: 1.0,
            problems: vec![problem],
            ..CaseResult::default()
        };
        let mut xml = Vec::new();
        write("cases", &[passed, failed], &mut xml).unwrap();
        let wanted = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="cases" tests="2" failures="1" errors="0" time="1.500">
    <testcase name="a" classname="mapping" time="0.500"/>
    <testcase name="b &amp; c" classname="mapping" time="1.000">
      <failure message="latest.prom differs">-a{b=&quot;&lt;c&gt;&quot;} 1�
+a{b=&quot;&lt;c&gt;&quot;} 2
</failure>
    </testcase>
  </testsuite>
</testsuites>
"#;
        assert_eq!(String::from_utf8(xml).unwrap(), wanted);
    }
}
