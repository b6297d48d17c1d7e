//! The entity types whose rows a query reads.

use icat_client::schema::Entity;

use super::{Condition, Expr, LikePattern, Origin, Path, SelectBody};

type Visit<'v> = &'v mut dyn FnMut(&'static Entity);

impl SelectBody {
    /// Visits the entity type of each variable, relation and sub-select, once for each place.
    pub fn visit_read_entities(&self, visit: Visit<'_>) {
        for source in &self.sources {
            visit(source.entity);
            if let Origin::Join { steps, .. } = &source.origin {
                // The last step leads to the source itself.
                steps.iter().rev().skip(1).for_each(|step| visit(step.target()));
            }
        }
        self.filter.iter().chain(&self.having).for_each(|condition| condition.visit_read_entities(visit));
        let ordered = self.order_by.iter().map(|(expr, _)| expr);
        self.group_by.iter().chain(ordered).chain(&self.selected).for_each(|expr| expr.visit_read_entities(visit));
    }
}

impl Condition {
    fn visit_read_entities(&self, visit: Visit<'_>) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.visit_read_entities(visit)),
            Self::Not(inner) => inner.visit_read_entities(visit),
            Self::Compare { left, right, .. } => {
                left.visit_read_entities(visit);
                right.visit_read_entities(visit);
            }
            Self::Like { left, pattern, .. } => {
                left.visit_read_entities(visit);
                if let LikePattern::Computed(pattern, _) = pattern {
                    pattern.visit_read_entities(visit);
                }
            }
            Self::Between { value, low, high, .. } => {
                for expr in [value, low, high] {
                    expr.visit_read_entities(visit);
                }
            }
            Self::In { value, list, .. } => {
                value.visit_read_entities(visit);
                for expr in list {
                    expr.visit_read_entities(visit);
                }
            }
            Self::InSelect { value, select, .. } | Self::Quantified { value, select, .. } => {
                value.visit_read_entities(visit);
                select.visit_read_entities(visit);
            }
            Self::IsNull { value, .. } => value.visit_read_entities(visit),
            Self::IsEmpty { parent, many, .. } => {
                parent.visit_read_entities(visit);
                visit(many.target());
            }
            Self::MemberOf { value, parent, many, .. } => {
                value.visit_read_entities(visit);
                parent.visit_read_entities(visit);
                visit(many.target());
            }
            Self::Exists { select } => select.visit_read_entities(visit),
        }
    }
}

impl Expr {
    fn visit_read_entities(&self, visit: Visit<'_>) {
        match self {
            Self::Path(path) => path.visit_read_entities(visit),
            Self::Aggregate { argument, .. } | Self::Negative(argument, _) => argument.visit_read_entities(visit),
            Self::Call { arguments, .. } => arguments.iter().for_each(|argument| argument.visit_read_entities(visit)),
            Self::Arithmetic { left, right, .. } => {
                left.visit_read_entities(visit);
                right.visit_read_entities(visit);
            }
            Self::Size { parent, many } => {
                parent.visit_read_entities(visit);
                visit(many.target());
            }
            Self::Case { branches, otherwise } => {
                for (condition, value) in branches {
                    condition.visit_read_entities(visit);
                    value.visit_read_entities(visit);
                }
                otherwise.visit_read_entities(visit);
            }
            Self::Select(select) => select.visit_read_entities(visit),
            Self::Literal(_) | Self::User | Self::Now | Self::Today => {}
        }
    }
}

impl Path {
    fn visit_read_entities(&self, visit: Visit<'_>) {
        self.steps.iter().for_each(|one| visit(one.target()));
    }
}
