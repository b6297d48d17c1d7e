//! The tokens of HTML in their order, where no tree is needed.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, TokenSink, Tokenizer, TokenizerOpts};

/// Sends each token to the sink, and returns the sink.
pub fn tokenize_html<S: TokenSink>(html: &str, sink: S) -> S {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    // Nothing is suspended: our sinks ask for no script to be run.
    let _finished = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink
}
